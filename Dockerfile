# An image whose container is one node; docs/deploy.md says how to run it.
# Needs nothing but this repository and PyPI: docker build --tag podcrawler .

FROM python:3.13-slim AS dependencies
COPY requirements-s3.txt /build/
# Its Python finds podcrawler in a folder of its own, so that each of the two is a layer of the image. pip stays here,
# and so do compiled files, which would double the size.
RUN python -m venv --without-pip /opt/podcrawler \
    && pip --python /opt/podcrawler/bin/python install --no-cache-dir --no-compile --disable-pip-version-check \
        --requirement /build/requirements-s3.txt \
    && echo /opt/podcrawler/code > \
        "$(/opt/podcrawler/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/podcrawler.pth"

FROM dependencies AS build
COPY pyproject.toml setup.py README.md LICENSE /build/
COPY podcrawler /build/podcrawler
RUN pip --python /opt/podcrawler/bin/python install --no-cache-dir --no-compile --disable-pip-version-check --no-deps \
        --target /opt/podcrawler/code /build

FROM python:3.13-slim
# Open to whatever user `--user` names; the folder that is made in the state's is its user's alone (mode 0700).
RUN useradd --uid 1000 --create-home podcrawler \
    && install --directory --owner=podcrawler --group=podcrawler --mode=1777 /archive /state
# Some 100 MB, the same until a requirement changes.
COPY --from=dependencies /opt/podcrawler /opt/podcrawler
# The time of grace, because `docker stop` kills after ten seconds. Python compiles what it imports once for each
# container, in a folder that any user can write to.
ENV PATH=/opt/podcrawler/code/bin:/opt/podcrawler/bin:$PATH \
    PYTHONPYCACHEPREFIX=/tmp/pycache \
    FILES_STORE=/archive \
    PODCRAWLER_STATE_DIR=/state/podcrawler \
    PODCRAWLER_SHUTDOWN_GRACE=8
COPY --from=build /opt/podcrawler/code /opt/podcrawler/code
COPY deploy/healthcheck.py /opt/podcrawler/
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
