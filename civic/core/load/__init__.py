"""Everything that comes as a list: CSV or XLSX, kind by header, checked whole before the first row is written.

`kinds` says what a loader is, `tables` reads files, `engine` plans, applies in slices and resumes after a crash.
"""
