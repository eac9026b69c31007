"""The question bank: its sources, the numbers they draw, and what reads them."""
