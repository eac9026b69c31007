"""What every floor stands on: checks of arguments, files, consoles, progress, models on disk.

The language chosen by a notebook is kept here too. Nothing here is a chapter, and a student need
not read it.
"""
