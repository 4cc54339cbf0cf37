"""Words for the enums of people, both languages."""

from __future__ import annotations

from flask_babel import lazy_pgettext as _p

from civic.people.models import (
    ContactKind,
    CorrectionState,
    DocumentKind,
    HomeRelation,
    HouseholdKind,
    HouseholdRelation,
    LifeEventKind,
    LookKind,
    MergeState,
    PersonSource,
    RepresentationKind,
    VerificationEnd,
)

SOURCES = {
    PersonSource.desk: _p("source", "At the desk"),
    PersonSource.self: _p("source", "Registered herself"),
    PersonSource.list: _p("source", "From a list"),
    PersonSource.seed: _p("source", "Made up for demonstration"),
}
CONTACTS = {ContactKind.phone: _p("contact", "Phone"), ContactKind.mail: _p("contact", "Mail")}
DOCUMENTS = {
    DocumentKind.resident_card: _p("document", "Resident identity card"),
    DocumentKind.hmt_permit: _p("document", "Residence permit for Hong Kong, Macao and Taiwan residents"),
    DocumentKind.home_return_permit: _p("document", "Home-return permit"),
    DocumentKind.passport: _p("document", "Passport"),
    DocumentKind.permanent_card: _p("document", "Foreign permanent resident card"),
}
HOUSEHOLDS = {HouseholdKind.family: _p("household", "Family household"), HouseholdKind.collective: _p("household", "Collective household")}
RELATIONS = {
    HouseholdRelation.head: _p("relation", "Head of household"),
    HouseholdRelation.spouse: _p("relation", "Husband or wife"),
    HouseholdRelation.child: _p("relation", "Child"),
    HouseholdRelation.parent: _p("relation", "Parent"),
    HouseholdRelation.grandparent: _p("relation", "Grandparent"),
    HouseholdRelation.grandchild: _p("relation", "Grandchild"),
    HouseholdRelation.sibling: _p("relation", "Brother or sister"),
    HouseholdRelation.other: _p("relation", "Other member"),
}
HOMES = {
    HomeRelation.lives_in: _p("home", "Lives in"),
    HomeRelation.registered_at: _p("home", "Registered at"),
    HomeRelation.owns: _p("home", "Owns"),
    HomeRelation.rents: _p("home", "Rents"),
    HomeRelation.collective: _p("home", "Lives in a collective household"),
}
REPRESENTATIONS = {
    RepresentationKind.parent: _p("representation", "Parent"),
    RepresentationKind.guardian: _p("representation", "Guardian"),
    RepresentationKind.proxy: _p("representation", "Proxy at the counter"),
}
EVENTS = {
    LifeEventKind.created: _p("event", "Recorded"),
    LifeEventKind.birth: _p("event", "Born"),
    LifeEventKind.death: _p("event", "Died"),
    LifeEventKind.death_undone: _p("event", "Death recorded by mistake, undone"),
    LifeEventKind.move_in: _p("event", "Moved in"),
    LifeEventKind.move: _p("event", "Moved home"),
    LifeEventKind.move_out: _p("event", "Moved out of the district"),
    LifeEventKind.joined: _p("event", "Joined a household"),
    LifeEventKind.split_off: _p("event", "Began a household of her own"),
    LifeEventKind.guardianship: _p("event", "Representation began"),
    LifeEventKind.guardianship_end: _p("event", "Representation ended"),
    LifeEventKind.verified: _p("event", "Verified"),
    LifeEventKind.verification_end: _p("event", "Verification withdrawn"),
    LifeEventKind.corrected: _p("event", "Corrected"),
    LifeEventKind.merged: _p("event", "Merged into another row"),
    LifeEventKind.unmerged: _p("event", "Merge undone"),
    LifeEventKind.restricted: _p("event", "Account closed, use restricted"),
    LifeEventKind.emptied: _p("event", "Emptied"),
}
MERGES = {
    MergeState.asked: _p("merge", "Waits for a second person"),
    MergeState.review: _p("merge", "In review by the territory above"),
    MergeState.done: _p("merge", "Merged"),
    MergeState.refused: _p("merge", "Refused"),
    MergeState.undo_asked: _p("merge", "Undoing waits for a second person"),
    MergeState.undone: _p("merge", "Undone"),
}
ENDS = {
    VerificationEnd.moved: _p("verification", "Moved away"),
    VerificationEnd.merged: _p("verification", "Row merged"),
    VerificationEnd.died: _p("verification", "Person died"),
    VerificationEnd.withdrawn: _p("verification", "Withdrawn at the desk"),
}
CORRECTIONS = {
    CorrectionState.asked: _p("correction", "Waits for an answer"),
    CorrectionState.done: _p("correction", "Put right"),
    CorrectionState.refused: _p("correction", "Stays as it is"),
}
LOOKS = {
    LookKind.found: _p("look", "Found in a search"),
    LookKind.page: _p("look", "Opened the page"),
    LookKind.phone: _p("look", "Saw the phone"),
    LookKind.mail: _p("look", "Saw the mail address"),
    LookKind.document: _p("look", "Saw the document number"),
    LookKind.birth: _p("look", "Saw the birth day"),
    LookKind.address: _p("look", "Saw the address"),
    LookKind.history: _p("look", "Read the history"),
    LookKind.care: _p("look", "Read the care status"),
    LookKind.exported: _p("look", "Exported in a list"),
    LookKind.refused: _p("look", "Was refused without a reason"),
}
PURPOSES = {
    "visit": _p("purpose", "Home visit"),
    "call": _p("purpose", "Call back"),
    "case": _p("purpose", "Her own matter"),
    "check": _p("purpose", "Compare with a document"),
    "care": _p("purpose", "Care for her"),
    "other": _p("purpose", "Something else"),
}
CARE = {
    "low_income": _p("care", "Low income"),
    "disability": _p("care", "Disability"),
    "alone": _p("care", "Lives alone"),
    "other": _p("care", "Other care"),
}
CORRECTION_TOPICS = {
    "name": _p("topic", "Name"),
    "birth": _p("topic", "Birth day"),
    "document": _p("topic", "Identity document"),
    "contact": _p("topic", "Phone or mail"),
    "home": _p("topic", "Home"),
    "household": _p("topic", "Household"),
    "other": _p("topic", "Something else"),
}
