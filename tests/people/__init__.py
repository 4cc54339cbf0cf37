"""Tests of one part; the file names say which behaviour."""
