"""Tests of the exercises' checks, the marker and the set-up for Colab."""
