"""The probe: a few rows that show whether an endpoint is set up rightly, before others are sent."""
