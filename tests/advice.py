"""Advice on training again, as tests write it."""

from __future__ import annotations

from assay.reports.retrain import RetrainAdvice, RetrainRow, RuleAdvice


def retrain_advice(sentence: str) -> RetrainAdvice:
    """Of two rules: one says to train again, in the words of ``sentence``, one waits."""
    night = RetrainRow(
        night="2013-02-03",
        value=0.6,
        low=None,
        high=None,
        rows=900,
        labelled_share=0.9,
        run_id="run-3",
        crossed=True,
    )
    low = RuleAdvice(
        metric="auc",
        min=0.7,
        max=None,
        maturity=1,
        nights=1,
        of=1,
        slice="",
        min_labelled=0.5,
        state="retrain",
        sentence=sentence,
        looked_at=(night,),
        too_few_truths=("2013-02-02",),
    )
    told = {"state": "waiting", "sentence": "auc cannot be told yet", "looked_at": ()}
    return RetrainAdvice(
        advised=True,
        version="v0.1.0",
        until="2013-02-03",
        rules=(low, low.model_copy(update=told)),
    )
