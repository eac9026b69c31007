"""What the book's models read: the stories, whose truth is known, and real texts beside them."""
