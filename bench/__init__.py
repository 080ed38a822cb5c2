"""What the filter costs, beside others that could stand in its place.

``python -m bench`` measures *suites* (:mod:`bench.suites`): in each some *contenders* take turns in
some *scenarios*, round after round, and every turn is a :class:`~bench.results.Result`. What is
printed, written, drawn and compared is made from results alone.

``--smoke`` takes half a minute and fails if something has become very much worse
(:mod:`bench.margins`); ``--full --write docs/performance`` takes half an hour and renews what
the documents say.
"""
