"""What a lender has today: a logistic regression on the same features, as scikit-learn gives it."""

from __future__ import annotations

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from meridian.training.frame import Frame


def scorecard_pds(frame: Frame) -> np.ndarray:
    """PDs of all loans, learnt from those that may train: gaps filled and marked, tails cut, columns scaled."""
    known = frame.matrix[frame.trains]
    low, high = np.nanpercentile(known, [1, 99], axis=0)
    rows = np.clip(frame.matrix.astype(np.float64), low, high)
    model = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True), StandardScaler(), LogisticRegression(max_iter=2000)
    )
    model.fit(rows[frame.trains], frame.target[frame.trains])
    return np.asarray(model.predict_proba(rows)[:, 1])
