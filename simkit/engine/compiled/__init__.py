"""The compiled engine: the model of `simkit.engine` and `simkit.host`, for numba.

For equal scenario, policy and seed it gives the rows that the SimPy engine gives. Its functions
bear the names of those they mirror; what they mean is said there. What both need of the policy is
one and the same: plans come from the planner, and limits are `simkit.policy.limits`, compiled as it
stands. Importing this package imports numba.
"""
