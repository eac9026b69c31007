"""What the book's models read: the stories, whose truth is known, in words and in pictures.

Real texts stand beside them.
"""
