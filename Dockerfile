FROM python:3.11-slim
# LightGBM's wheel needs the system's OpenMP, which slim images lack.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY requirements-core.txt .
RUN pip install --no-cache-dir uv && uv pip install --system --no-cache -r requirements-core.txt
COPY . .
RUN useradd --create-home xray && mkdir -p var staticfiles && chown -R xray /app
USER xray
ENV PYTHONUNBUFFERED=1 XRAY_READ_DOTENV=0 HOST=0.0.0.0
EXPOSE 8000
CMD ["honcho", "start"]
