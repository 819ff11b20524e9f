"""How fast it is, measured: this project's engines beside those of others, and on the real model.

Imported only by ``simkit bench``. Four questions, each on a workload that is fixed and stated:

``queue``   one queue that every engine can take part in: Poisson arrivals, one server, constant
            service (`simkit.bench.single_queue`). All see the same arrivals to the nanosecond, so
            the sum of their waits must be the same number, and is checked.
``flood``   the whole model under a flood, with 10^3 to 10^6 clients (`simkit.bench.flood`)
``limit``   `limit_req` alone on open-loop arrivals (`simkit.bench.limit`)
``start``   from starting Python to the first result, with and without a cache of compiled code

Every sample is taken in a process of its own (`simkit.bench.sample`), in rounds: each measure once,
then each once more, so that whatever else the machine does hits all alike. Medians are reported.
Throughput is by CPU time, for it is a question of one core. Counts of requests and events are
asserted; seconds are only reported.
"""
