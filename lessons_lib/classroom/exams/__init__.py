"""Exams from the question bank, one for each student and all equally hard; and what they showed."""
