"""The numbers of numeric questions, one module a chapter."""
