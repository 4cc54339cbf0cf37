"""Bulletin 公告栏: announcements 公告 (ordinary news) and postings 公示 (what, masked how, from-to, objections, outcome, photo of the board).

Public surface: `models`, `queries`, `operations.post`, `signals`.  Rules with their numbers: docs/modules/bulletin.md.
"""
