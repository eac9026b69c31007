"""What every floor stands on: checks of arguments, files, consoles, progress, models on disk.

Nothing here is a chapter, and a student need not read it.
"""
