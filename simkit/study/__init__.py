"""Studies: many runs of policies on crowds, or of logs through policies, and what they say."""
