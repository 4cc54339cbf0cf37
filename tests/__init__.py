"""The tests: one file a behaviour, sentences as names."""
