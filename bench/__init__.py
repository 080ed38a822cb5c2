"""Measures the cost of the filter, and of alternatives.

``python -m bench`` runs *suites* (:mod:`bench.suites`). In a suite, *contenders* are measured in
turn in several *scenarios* and rounds; each turn gives a :class:`~bench.results.Result`. All
output, tables, plots and comparisons are made from results only.

``--smoke`` takes half a minute and fails if something is very much slower (:mod:`bench.margins`);
``--full --write docs/performance`` takes half an hour and updates the figures of the documents.
"""
