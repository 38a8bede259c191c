"""A score with its exact reasons, one applicant and many, beside what else can give the two."""
