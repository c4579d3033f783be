"""The time, the requests, the memory and the state of many authorizations: `make bench`.

Several contenders deploy the same number of authorizations to one emulator, in a process of its
own, and take turns. docs/performance.md explains what they are.
"""
