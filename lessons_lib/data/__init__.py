"""What a model learns from: pages of a web become texts, and texts become a mixture to train on.

The chapter `data`.
"""

__all__ = []
