"""Three times more is asked than can be answered: with and without refusing, on the same machine and in turns."""
