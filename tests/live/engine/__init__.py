"""Tests of the page's engine."""
