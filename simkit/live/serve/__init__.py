"""`simkit serve`: a policy on real sockets, for lessons and trials."""
