"""Numbers drawn from a seed for the questions, a module for each chapter."""
