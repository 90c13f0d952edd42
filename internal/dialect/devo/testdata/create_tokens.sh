#!/bin/bash

token="your 32 character hexadecimal token"
base_url="https://api-your_region.devo.com"
domain="your_devo_domain"
user="user@example.com"

curl -i -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -X POST "$base_url/ws/accounts/$domain/credentials/tokens" --data '
{
"name": "Aggregation task token created by API",
"user": "'"$user"'",
"audience": "aggregations",
"scopes": "table://my.app.test.tokenapi level://admin"
}'

curl -i -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -X POST "$base_url/ws/accounts/$domain/credentials/tokens" --data '
{
"name": "Query token created by API",
"user": "'"$user"'",
"audience": "apiv2",
"scopes": "table://my.app.test.tokenapi level://admin"
}'

curl -i -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -X POST "$base_url/ws/accounts/$domain/credentials/tokens" --data '
{
"name": "Query job management token created by API",
"user": "'"$user"'",
"audience": "apiv2-admin",
"scopes": "table://my.app.test.tokenapi level://admin"
}'

curl -i -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -X POST "$base_url/ws/accounts/$domain/credentials/tokens" --data '
{
"name": "Alerts token created by API",
"user": "'"$user"'",
"audience": "alerts",
"scopes": "table://my.app.test.tokenapi level://admin"
}'

curl -i -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -X POST "$base_url/ws/accounts/$domain/credentials/tokens" --data '
{
"name": "HTTP ingestion token created by API",
"user": "'"$user"'",
"audience": "http",
"scopes": "table://my.app.test.tokenapi level://admin"
}'

curl -i -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -X POST "$base_url/ws/accounts/$domain/credentials/tokens" --data '
{
"name": "HTTP ingestion token for all tables created by API",
"user": "'"$user"'",
"audience": "http",
"scopes": "table://*.** level://admin"
}'
