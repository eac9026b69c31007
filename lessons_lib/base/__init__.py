"""What every floor stands on: checks of arguments, files, progress, linear maps, checkpoints.

Nothing here is a chapter, and a student need not read it.
"""
