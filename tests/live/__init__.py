"""Tests of the live figures: what they compute, and how they look, in a browser."""
