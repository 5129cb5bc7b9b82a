"""Defences whose answers are constants, chosen by the label and a bucket of the confidence."""
