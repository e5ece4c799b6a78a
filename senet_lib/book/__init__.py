"""What only the book needs: its figures, exercises and experiments, the paper's numbers, plots and drawings.

Nothing outside this package imports it.
"""
