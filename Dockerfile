# An image whose container is one node; docs/deploy.md says how to run it.
# Needs nothing but this repository and PyPI: docker build --tag podcrawler .

FROM python:3.13-slim AS build
RUN python -m venv /opt/podcrawler
# First what changes seldom, so that a change of the code alone does not install everything anew.
COPY requirements.txt /build/
RUN /opt/podcrawler/bin/pip install --no-cache-dir --disable-pip-version-check --requirement /build/requirements.txt
COPY pyproject.toml setup.py README.md LICENSE /build/
COPY podcrawler /build/podcrawler
RUN /opt/podcrawler/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps /build

FROM python:3.13-slim
# Ours alone; the state folder is nobody else's business (mode 0700).
RUN useradd --uid 1000 --create-home podcrawler \
    && install --directory --owner=podcrawler --group=podcrawler /archive \
    && install --directory --owner=podcrawler --group=podcrawler --mode=0700 /state
COPY --from=build /opt/podcrawler /opt/podcrawler
COPY deploy/healthcheck.py /opt/podcrawler/
# The time of grace, because `docker stop` kills after ten seconds.
ENV PATH=/opt/podcrawler/bin:$PATH \
    FILES_STORE=/archive \
    PODCRAWLER_STATE_DIR=/state \
    PODCRAWLER_SHUTDOWN_GRACE=8
# As a number, for systems that refuse an image unless they can see that its user is not root.
USER 1000:1000
WORKDIR /state
# A volume may be on a disk that has no sockets or locks, so the state, which needs both, has one of its own.
VOLUME ["/archive", "/state"]
# The node of this container has told Redis within the last seconds that it lives.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["python", "/opt/podcrawler/healthcheck.py"]
# In exec form, so that the node itself gets the signal, and hands back what it holds.
STOPSIGNAL SIGTERM
ENTRYPOINT ["podcrawler"]
CMD ["crawl", "episodes"]
