"""How good the models are: every purpose on every public data set, beside a plain scorecard."""
