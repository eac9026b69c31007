"""Slides of every chapter, in both languages, made from the notebooks and from nothing else.

`parts` takes the two notebooks of a chapter apart, `plan` chooses what goes on which slide (it says
how a cell's metadata may change that), `sizes` estimates what has room, `pages` writes HTML,
`build` the files, `browse` opens them in Chromium.
"""
