"""How fast and how right Starshift is: ``python -m benchmarks`` prints one table, each figure beside its target.

Every benchmark first checks that its results agree with the truth or with an independent program, then takes times.
"""
