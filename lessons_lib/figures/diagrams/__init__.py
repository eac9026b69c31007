"""The book's diagrams, chapter by chapter: what is made of what, and which shape goes where."""
