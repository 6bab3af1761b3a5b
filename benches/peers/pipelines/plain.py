#!/usr/bin/env python3
"""A worker as one would write it today: long poll, get, Pillow, zxing-cpp, EXIF, one JSON object a photo, delete.

plain.py --threads N | --processes N. Ends when the queue is empty.
"""
import argparse
import io
import json
import multiprocessing
import os
import sys
import threading
import traceback
from urllib.parse import unquote_plus

import boto3
import zxingcpp
from botocore.config import Config
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

Image.MAX_IMAGE_PIXELS = None


def read(body):
    image = Image.open(io.BytesIO(body))
    exif = image.getexif()
    gps = exif.get_ifd(IFD.GPSInfo)
    codes = zxingcpp.read_barcodes(image.convert("L"), formats=zxingcpp.BarcodeFormat.QRCode)
    return {
        "texts": [code.text for code in codes],
        "captured_at": exif.get_ifd(IFD.Exif).get(Base.DateTimeOriginal),
        "latitude": [float(part) for part in gps.get(GPS.GPSLatitude, ())],
        "longitude": [float(part) for part in gps.get(GPS.GPSLongitude, ())],
    }


def work():
    session = boto3.session.Session()
    config = Config(s3={"addressing_style": "path"}, max_pool_connections=4)
    s3 = session.client("s3", endpoint_url=os.environ["ENDPOINT"], config=config)
    sqs = session.client("sqs", endpoint_url=os.environ["ENDPOINT"], config=config)
    queue = os.environ["QUEUE_URL"]
    while True:
        received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        if not received.get("Messages"):
            return
        for message in received["Messages"]:
            for record in json.loads(message["Body"])["Records"]:
                bucket = record["s3"]["bucket"]["name"]
                key = unquote_plus(record["s3"]["object"]["key"])
                body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
                try:
                    row = read(body)
                except Exception as error:
                    row = {"texts": [], "error": str(error)}
                row["key"] = key
                s3.put_object(Bucket=os.environ["RESULTS"], Key=f"{key}.json", Body=json.dumps(row).encode())
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


def guarded():
    try:
        work()
    except Exception:
        traceback.print_exc()
        os._exit(1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--processes", type=int, default=0)
    chosen = parser.parse_args()
    kind = multiprocessing.Process if chosen.processes else threading.Thread
    workers = [kind(target=guarded) for _ in range(chosen.processes or chosen.threads or 1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sys.exit(any(getattr(worker, "exitcode", 0) for worker in workers))


if __name__ == "__main__":
    main()
