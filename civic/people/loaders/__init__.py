"""The list of people: what its columns mean, what is refused before anything is written, new rows in bulk, changed rows one by one."""

from civic.people.loaders.people import PEOPLE

__all__ = ["PEOPLE"]
