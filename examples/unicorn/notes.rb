# SPDX-License-Identifier: Apache-2.0
require "fileutils"
require "json"
require "pg"

# Notes go to the database, files to the disk.
#
#   GET  /             how many of both
#   GET  /notes        the notes, as JSON
#   POST /notes        add the request's body as a note
#   PUT  /files/NAME   keep the request's body as NAME
#   GET  /files/NAME   the file
class Notes
  UPLOADS = File.expand_path("uploads", __dir__)
  NAME = %r{\A/files/([A-Za-z0-9][A-Za-z0-9._-]{0,99})\z}
  TEXT = { "content-type" => "text/plain" }.freeze

  class << self
    # The connection of this process, made when it is first needed
    def database
      @database ||= PG.connect(ENV.fetch("DATABASE_URL")).tap do |connection|
        connection.exec("SET client_min_messages TO warning")
        connection.exec("CREATE TABLE IF NOT EXISTS notes (id serial PRIMARY KEY, text text NOT NULL)")
      end
    end

    def disconnect
      @database&.close
      @database = nil
    end
  end

  # Preloaded: the table is there before there are workers
  def initialize
    self.class.database
  end

  def call(env)
    body = env["rack.input"]
    case [env["REQUEST_METHOD"], env["PATH_INFO"]]
    in ["GET", "/"] then index
    in ["GET", "/notes"] then [200, { "content-type" => "application/json" }, [JSON.generate(notes: notes)]]
    in ["POST", "/notes"] then add(body.read)
    in ["PUT", NAME] then keep($1, body)
    in ["GET", NAME] then give($1)
    else [404, TEXT, ["no such page\n"]]
    end
  end

  private

  def notes
    self.class.database.exec("SELECT id, text FROM notes ORDER BY id").to_a
  end

  def index
    files = Dir.exist?(UPLOADS) ? Dir.children(UPLOADS).size : 0
    [200, TEXT, ["#{notes.size} notes, #{files} files, on #{ENV.fetch('DYNO')}\n"]]
  end

  def add(text)
    self.class.database.exec_params("INSERT INTO notes (text) VALUES ($1)", [text.force_encoding("UTF-8")])
    [201, TEXT, []]
  end

  def keep(name, body)
    FileUtils.mkdir_p(UPLOADS)
    File.binwrite(File.join(UPLOADS, name), body.read)
    [201, TEXT, []]
  end

  def give(name)
    path = File.join(UPLOADS, name)
    return [404, TEXT, ["no such file\n"]] unless File.file?(path)

    [200, { "content-type" => "application/octet-stream" }, [File.binread(path)]]
  end
end
