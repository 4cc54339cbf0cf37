"""Tables of people, one file per noun: persons, households and homes, life events and merges, trust (cards, consent, looks)."""

from civic.people.models.events import LifeEvent, LifeEventKind, Merge, MergeState
from civic.people.models.homes import (
    HomeRelation,
    Household,
    HouseholdKind,
    HouseholdRelation,
    Membership,
    PersonHome,
    Representation,
    RepresentationKind,
)
from civic.people.models.persons import Contact, ContactKind, Document, DocumentKind, NameKey, Person, PersonSource
from civic.people.models.trust import (
    CareStatus,
    Consent,
    Correction,
    CorrectionState,
    Look,
    LookKind,
    MemberCard,
    PrivacyNotice,
    Verification,
    VerificationEnd,
)

__all__ = [
    "CareStatus",
    "Consent",
    "Contact",
    "ContactKind",
    "Correction",
    "CorrectionState",
    "Document",
    "DocumentKind",
    "HomeRelation",
    "Household",
    "HouseholdKind",
    "HouseholdRelation",
    "LifeEvent",
    "LifeEventKind",
    "Look",
    "LookKind",
    "MemberCard",
    "Membership",
    "Merge",
    "MergeState",
    "NameKey",
    "Person",
    "PersonHome",
    "PersonSource",
    "PrivacyNotice",
    "Representation",
    "RepresentationKind",
    "Verification",
    "VerificationEnd",
]
