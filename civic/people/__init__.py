"""People 居民: who lives where, who may speak for whom, and nobody more than needed.

Public surface: `models`, `queries`, `operations`, `policies`, `signals`.  Words: Person 居民, Household 住户, Verification 核验,
LifeEvent 人生事件, Merge 合并, Representation 代表关系, MemberCard 居民卡.  Rules with their numbers: docs/modules/people.md.
"""
