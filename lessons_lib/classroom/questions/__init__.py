"""The question bank of the chapters: its sources and the numbers drawn for them."""
