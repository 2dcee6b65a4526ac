# The app for visitors, without tests and documents: see docs/hosting.md.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TF_CPP_MIN_LOG_LEVEL=3 \
    HOME=/data \
    EQUIPOISE_RUNS=/data/runs \
    EQUIPOISE_CACHE=/data/cache

# The only place that is written to. Spaces of Hugging Face run as user 1000.
RUN useradd --uid 1000 --no-create-home --home-dir /data equipoise \
    && install --directory --owner=equipoise /data

WORKDIR /app

# The packages before the code: a change of the code does not install them again. The
# package is empty until then, and is found where it is.
COPY pyproject.toml requirements.txt constraints.txt README.md LICENSE ./
RUN mkdir core \
    && touch core/__init__.py \
    && pip install --no-cache-dir --requirement requirements.txt

COPY streamlit_app.py ./
COPY .streamlit .streamlit
COPY pretrained pretrained
COPY core core
COPY pages pages
RUN python -m compileall -q streamlit_app.py core pages

USER 1000
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=9)"]
CMD ["equipoise", "app", "--host", "0.0.0.0", "--server.port=8501"]
