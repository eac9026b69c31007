"""Tests of the built pages."""
