"""A program under Amazon's Python agent: burns CPU time in two functions, 3 to 1, next to a thread that waits, until it is told to end
by the end of its input; then the last profile is sent.

Usage: program.py URL GROUP. Credentials come from the environment, as everybody's."""
import datetime
import logging
import sys
import threading
import time

import boto3
from codeguru_profiler_agent import Profiler
from codeguru_profiler_agent.agent_metadata.agent_metadata import AgentMetadata
from codeguru_profiler_agent.agent_metadata.fleet_info import DefaultFleetInfo


def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(1000))


def burn_three():
    burn(0.03)


def burn_one():
    burn(0.01)


def wait(event):
    event.wait()


def main():
    logging.basicConfig(level=logging.INFO)
    url, group = sys.argv[1:]
    profiler = Profiler(
        profiling_group_name=group, region_name="eu-west-1", aws_session=boto3.Session(),
        environment_override={
            "endpoint_url": url, "sampling_interval": datetime.timedelta(milliseconds=20),
            "reporting_interval": datetime.timedelta(seconds=1), "minimum_time_reporting": datetime.timedelta(milliseconds=500),
            "cpu_limit_percentage": 90, "agent_metadata": AgentMetadata(fleet_info=DefaultFleetInfo()),
            "allow_top_level_exceptions": True})
    profiler.start()
    event, ended = threading.Event(), threading.Event()
    threading.Thread(target=wait, args=(event,), name="waits").start()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    while not ended.is_set():
        burn_three()
        burn_one()
    profiler.stop()
    event.set()


if __name__ == "__main__":
    main()
