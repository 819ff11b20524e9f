"""The compiled engine: the model of `simkit.engine` and `simkit.host`, for numba.

For equal scenario, policy and seed it gives the rows that the SimPy engine gives. Its functions
bear the names of those they mirror; what they mean is said there. What both need of the policy is
one and the same: plans come from the planner, and limits are `simkit.policy.limits`, compiled as it
stands. Importing this package imports numba.

    memory, layout, pools, growing   records in memory, by slots
    compiler, ahead                  what is compiled, where that is kept, fetching ahead
    chances, crowds, starts          draws and arrivals
    calendar, heap, lanes, queues    which event is next
    gate, wire, server               the host
    connections, rests               from a SYN to a request; from rest to the end
    cooling                          prices by pause
    parties, clients, behaviours     the crowd
    edges, gateways                  a CDN in front
    loop                             the loop over events
    crowd, tables                    scenario and policy as records, made by Python
    machine, engine                  one run, driven by Python

Why the model stands here a second time: one part of it, a connection that comes to rest and is
roused again, was written both ways. On rows of integers, which numba can compile, plain Python took
5 to 9 times as long as on objects, and the function no longer read like the thing that it models.
The limits are shared all the same: they are arithmetic on a few numbers in either engine.
"""
