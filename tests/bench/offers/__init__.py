"""What an applicant is offered of a catalogue, beside the same rules as a plain loop over decimals."""
