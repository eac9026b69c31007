"""Second computations of the answers to numeric questions, one module a chapter."""
