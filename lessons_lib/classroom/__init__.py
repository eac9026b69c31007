"""What a course needs around the book: checks for exercises, marks, a set-up for Colab."""
