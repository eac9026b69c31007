"""Tests of the rooms below the chapters."""
