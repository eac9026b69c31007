"""Tests of the corpus and of the models trained on it."""
