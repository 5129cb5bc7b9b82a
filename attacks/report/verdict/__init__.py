"""The verdict: whether all thieves stay below a limit."""
