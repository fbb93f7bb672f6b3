"""The reference room: a server and a client SDK that keep the ZEGO Express contract, and variants with one defect each.

Its state machines are pure, so the same code runs on sockets and in virtual time. It is judged through the adapter
protocol like any other room and shares nothing with the judge but the values of `model`.
"""
